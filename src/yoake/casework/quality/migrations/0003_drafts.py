import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """An accepted term is a draft that a second person approves; role and strength stand there."""

    dependencies = [
        ("quality", "0002_desk"),
        ("wording", "0001_initial"),
    ]

    operations = [
        migrations.RemoveField(model_name="termproposal", name="cue"),
        migrations.RemoveField(model_name="termproposal", name="weight"),
        migrations.AddField(
            model_name="termproposal",
            name="draft",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="wording.cuedraft"
            ),
        ),
    ]
