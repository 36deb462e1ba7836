"""Tokens, and what tells who made a job and who reports without a lease token."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
import jobs.models.api_token
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0004_lease_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('public_id', models.CharField(db_collation='C', max_length=12, primary_key=True, serialize=False)),
                ('digest', models.BinaryField()),
                ('name', models.CharField(max_length=100)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None)),
                ('orchestrator_id', models.CharField(max_length=128, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('created_by', models.CharField(max_length=150)),
                ('expires_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_by', models.CharField(max_length=150, null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'token',
                'db_table': 'api_tokens',
            },
        ),
        migrations.CreateModel(
            name='AuthFailure',
            fields=[
                ('address', models.CharField(db_collation='C', max_length=50, primary_key=True, serialize=False)),
                ('began_at', models.DateTimeField()),
                ('count', models.IntegerField()),
            ],
            options={
                'db_table': 'auth_failures',
            },
        ),
        migrations.AddField(
            model_name='orchestrator',
            name='last_unfenced_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('subject_type__isnull', False)), fields=['subject_type', 'subject_id', 'id'], name='audit_log_subject'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('created_by', 'service'), _negated=True), fields=['created_by', 'created_at', 'id'], name='jobs_made'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(('scopes__contained_by', [jobs.models.api_token.Scope['ORCHESTRATE'], jobs.models.api_token.Scope['ENQUEUE'], jobs.models.api_token.Scope['READ'], jobs.models.api_token.Scope['MANAGE']]), models.Q(('scopes', []), _negated=True)), name='api_tokens_scopes_known'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('scopes__contains', [jobs.models.api_token.Scope['ORCHESTRATE']]), _negated=True), ('orchestrator_id__isnull', False), _connector='OR'), name='api_tokens_orchestrate_is_bound'),
        ),
    ]
