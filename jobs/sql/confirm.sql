-- Writes next to nothing, so that this transaction's commit, too, waits for the synchronous standby: and with it for all before it.
select pg_logical_emit_message(true, 'jobsite', '')
