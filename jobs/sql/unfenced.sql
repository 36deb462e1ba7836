-- That an orchestrator reported without a lease token, at most once a minute.
update orchestrators o set last_unfenced_at = clock_timestamp()
where o.id = %(orchestrator_id)s::text and coalesce(o.last_unfenced_at < clock_timestamp() - interval '60 seconds', true)
