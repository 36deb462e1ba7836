"""Answers kept under the keys that callers chose."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0006_producers'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('pk', models.CompositePrimaryKey('owner', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('owner', models.CharField(max_length=160)),
                ('key', models.CharField(max_length=255)),
                ('digest', models.BinaryField()),
                ('status', models.SmallIntegerField()),
                ('answer', models.BinaryField()),
                ('answered_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'idempotency_keys',
                'indexes': [models.Index(fields=['answered_at'], name='idempotency_keys_answered')],
            },
        ),
    ]
