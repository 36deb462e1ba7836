"""How the smaller tables are kept fast under churn. (Of jobs and the audit log: 0002.)"""

from django.db import migrations

# Rows that are written again and again and never move: a page has room for the next version of each, so that no index entry is made for it,
# and what died is cleared away by whoever comes to the page next, not by vacuum.
IN_PLACE = ("orchestrators", "api_tokens", "auth_failures")
# What only grows: vacuumed by count of what came, so that the visibility map keeps up and freezing is never the work of years at once.
GROWING = ("attempts", "log_lines")

STORAGE = "".join(
    [
        *(f"alter table {table} set (fillfactor = 40);\n" for table in IN_PLACE),
        *(
            f"alter table {table} set (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,"
            " autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);\n"
            for table in GROWING
        ),
        # Each answer is removed after a day, and may be megabytes: a fifth of them dead, the default, is too much to carry along.
        "alter table idempotency_keys set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,"
        " toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 1000);\n",
    ]
)
STORAGE_REVERSE = "".join(
    [
        *(f"alter table {table} reset (fillfactor);\n" for table in IN_PLACE),
        *(
            f"alter table {table} reset (autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,"
            " autovacuum_vacuum_cost_delay, autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);\n"
            for table in GROWING
        ),
        "alter table idempotency_keys reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,"
        " toast.autovacuum_vacuum_scale_factor, toast.autovacuum_vacuum_threshold);\n",
    ]
)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_routing")]
    operations = [migrations.RunSQL(STORAGE, STORAGE_REVERSE)]
