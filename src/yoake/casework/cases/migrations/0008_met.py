from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0007_hand"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="met_at",
            field=models.DateTimeField(null=True),
        ),
    ]
