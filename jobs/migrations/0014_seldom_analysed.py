"""Jobs and their log are analysed less often, and their long values not at all.

An analysis holds a snapshot: while it lasts, no dead entry of the claim index may go, and each claim walks over all that were claimed since.
And it makes every connection plan its statements anew.
"""

from django.db import migrations

# Nothing searches by these, so their statistics serve nobody; and they are what takes long to look at.
LONG = {"jobs": ("payload", "result", "metadata", "progress", "last_error", "report_digest"), "audit_log": ("detail", "digest", "reason")}
SELDOM = """
alter table jobs set (autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 100000);
alter table audit_log set (autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 500000);
""" + "".join(f"alter table {table} alter column {column} set statistics 0;\n" for table, columns in LONG.items() for column in columns)
SELDOM_REVERSE = """
alter table jobs set (autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);
alter table audit_log reset (autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
""" + "".join(f"alter table {table} alter column {column} set statistics -1;\n" for table, columns in LONG.items() for column in columns)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0013_fewer_index_entries")]
    operations = [migrations.RunSQL(SELDOM, SELDOM_REVERSE)]
