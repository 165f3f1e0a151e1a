from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishers", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="publisher",
            name="by_operator",
            field=models.BooleanField(db_default=True, default=False),
        ),
    ]
