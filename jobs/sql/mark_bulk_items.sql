-- What became of items; one without an outcome is left for a later batch.
update bulk_items i set outcome = m.outcome, words = m.words, tries = i.tries + 1,
  at = case when m.outcome is not null then clock_timestamp() end
from unnest(%(ordinals)s::int[], %(outcomes)s::text[], %(words)s::text[]) m (ordinal, outcome, words)
where i.operation_id = %(operation_id)s::text and i.ordinal = m.ordinal
