"""Bulk operations and their items."""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("jobs", "0019_labels")]

    operations = [
        migrations.CreateModel(
            name='BulkItem',
            fields=[
                ('pk', models.CompositePrimaryKey('operation_id', 'ordinal', blank=True, editable=False, primary_key=True, serialize=False)),
                ('operation_id', models.CharField(db_collation='C', max_length=50)),
                ('ordinal', models.IntegerField()),
                ('job_id', models.CharField(db_collation='C', max_length=50)),
                ('outcome', models.CharField(choices=[('changed', 'Changed'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=10, null=True)),
                ('words', models.TextField(null=True)),
                ('at', models.DateTimeField(null=True)),
                ('tries', models.SmallIntegerField(default=0)),
            ],
            options={
                'db_table': 'bulk_items',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('at__isnull', True), ('outcome__isnull', True), ('words__isnull', True)), models.Q(('at__isnull', False), ('outcome__in', ['changed', 'skipped', 'failed']), ('words__isnull', False)), _connector='OR'), name='bulk_items_outcome_told')],
            },
        ),
        migrations.CreateModel(
            name='BulkOperation',
            fields=[
                ('id', models.CharField(db_collation='C', max_length=50, primary_key=True, serialize=False)),
                ('action', models.CharField(max_length=20)),
                ('arguments', models.JSONField(default=dict)),
                ('filter', models.JSONField(null=True)),
                ('only_made_by', models.CharField(max_length=160, null=True)),
                ('selection', models.TextField()),
                ('preview', models.JSONField()),
                ('state', models.CharField(choices=[('preview', 'Preview'), ('running', 'Running'), ('paused', 'Paused'), ('stopped', 'Stopped'), ('done', 'Done')], default='preview', max_length=10)),
                ('reason', models.TextField(null=True)),
                ('created_by_kind', models.CharField(max_length=20)),
                ('created_by', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField()),
                ('confirmed_by_kind', models.CharField(max_length=20, null=True)),
                ('confirmed_by', models.CharField(max_length=150, null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('next_batch_at', models.DateTimeField(null=True)),
                ('selected', models.IntegerField(null=True)),
                ('changed', models.IntegerField(default=0)),
                ('skipped', models.IntegerField(default=0)),
                ('failed', models.IntegerField(default=0)),
                ('form_key', models.CharField(max_length=64, null=True)),
            ],
            options={
                'db_table': 'bulk_operations',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'running')), fields=['next_batch_at', 'id'], name='bulk_operations_next'), models.Index(condition=models.Q(('state', 'preview')), fields=['created_at'], name='bulk_operations_unconfirmed')],
                'constraints': [models.UniqueConstraint(fields=('created_by', 'form_key'), name='bulk_operations_form'), models.CheckConstraint(condition=models.Q(('state__in', ['preview', 'running', 'paused', 'stopped', 'done'])), name='bulk_operations_state_known'), models.CheckConstraint(condition=models.Q(('state__in', ['preview', 'stopped']), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False), ('reason__isnull', False), ('selected__isnull', False)), _connector='OR'), name='bulk_operations_confirmed'), models.CheckConstraint(condition=models.Q(models.Q(('next_batch_at__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('next_batch_at__isnull', True)), _connector='OR'), name='bulk_operations_runs_on'), models.CheckConstraint(condition=models.Q(models.Q(('changed', 0), ('failed', 0), ('selected__isnull', True), ('skipped', 0)), ('selected__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('changed'), '+', models.F('skipped')), '+', models.F('failed'))), _connector='OR'), name='bulk_operations_sums'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), ('selected', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('changed'), '+', models.F('skipped')), '+', models.F('failed'))), _connector='OR'), name='bulk_operations_done_is_all')],
            },
        ),
    ]
