-- The fingerprint of each fault of a type, as the door makes it.
select a.type, a.fault, failure_fingerprint(a.type, a.fault) as fingerprint
from unnest(%(types)s::text[], %(faults)s::text[]) as a (type, fault)
