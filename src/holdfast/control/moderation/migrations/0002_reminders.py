"""What operators were reminded of by mail. Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "Reminder",
            [
                ("occasion", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("told", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
