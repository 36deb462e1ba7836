"""The last wall: what the database itself refuses, written from the lifecycle table.

The migrations hold the finished SQL; a test compares the two, so that a change of the table without its migration turns red.
"""

from jobs.lifecycle import COMPOUND, LEGAL_PAIRS, Status


def legal_pairs() -> str:
    """The pairs of statuses that may follow each other, as SQL compares them."""
    return _pairs(sorted(LEGAL_PAIRS, key=_life_order))


def transition_guard() -> str:
    """SQL of the trigger that refuses an illegal change of status, and any change that brings no audit entry with it.

    The table stands in the WHEN clause: PostgreSQL evaluates it without calling a function, which made the guard nearly free. As two
    constant arrays: the clause is read anew for each statement, and as a list of rows it was a twentieth of a single report.
    A compound step passes only with two entries; whether they exist is checked at commit by `audited`.
    """
    only_compound = [pair for pair in COMPOUND if pair not in LEGAL_PAIRS]
    return (
        "create trigger transition_guard before update of status on jobs for each row\n"
        "  when (old.status is distinct from new.status and (new.audit_seq <= old.audit_seq\n"
        f"    or not (old.status || '>' || new.status = any ({_array(sorted(LEGAL_PAIRS, key=_life_order))})\n"
        f"      or old.status || '>' || new.status = any ({_array(only_compound)}) and new.audit_seq = old.audit_seq + 2)))\n"
        "  execute function refuse_transition()"
    )


def _array(pairs: list[tuple[Status, Status]]) -> str:
    return f"'{{{','.join(f'{source}>{target}' for source, target in pairs)}}}'::text[]"


def _pairs(pairs: list[tuple[Status, Status]]) -> str:
    return ", ".join(f"('{source}', '{target}')" for source, target in pairs)


def _life_order(pair: tuple[Status, Status]) -> tuple[int, int]:
    order = list(Status)
    return order.index(pair[0]), order.index(pair[1])
