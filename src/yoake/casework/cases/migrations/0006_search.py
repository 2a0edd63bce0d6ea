"""The tables of search, and what cases that are there already lack: their place in the inbox, prefecture and search words.

SQLite's index keeps itself by triggers. A later migration that makes `cases_searchtext` anew on SQLite takes them away
and must call `make_index` again.
"""

from django.db import migrations

_SQLITE = (
    (
        "CREATE VIRTUAL TABLE cases_search USING fts5(words, content='cases_searchtext', content_rowid='case_id', "
        "detail=none, tokenize='ascii')"
    ),
    (
        "CREATE TRIGGER cases_search_added AFTER INSERT ON cases_searchtext BEGIN "
        "INSERT INTO cases_search(rowid, words) VALUES (new.case_id, new.words); END"
    ),
    (
        "CREATE TRIGGER cases_search_removed AFTER DELETE ON cases_searchtext BEGIN "
        "INSERT INTO cases_search(cases_search, rowid, words) VALUES ('delete', old.case_id, old.words); END"
    ),
    (
        "CREATE TRIGGER cases_search_changed AFTER UPDATE ON cases_searchtext BEGIN "
        "INSERT INTO cases_search(cases_search, rowid, words) VALUES ('delete', old.case_id, old.words); "
        "INSERT INTO cases_search(rowid, words) VALUES (new.case_id, new.words); END"
    ),
)
_POSTGRESQL = ("CREATE INDEX cases_search ON cases_searchtext USING gin (to_tsvector('simple'::regconfig, words))",)


def make_index(_apps, schema_editor):
    for statement in _SQLITE if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL:
        schema_editor.execute(statement)


def drop_index(_apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in ("added", "removed", "changed"):
            schema_editor.execute(f"DROP TRIGGER cases_search_{name}")
        schema_editor.execute("DROP TABLE cases_search")
    else:
        schema_editor.execute("DROP INDEX cases_search")


def fill(apps, _schema_editor):
    from yoake.casework.cases.prefectures import prefecture_of
    from yoake.casework.cases.ranking import rank_of
    from yoake.casework.cases.search import fields_of, words_of

    cases, words = apps.get_model("cases", "Case").objects, apps.get_model("cases", "SearchText").objects
    around = cases.select_related("post", "post__account", "post__current").order_by("pk")
    for case in around.iterator(chunk_size=500):
        post = case.post
        case.rank = rank_of(case.category, case.score, case.opened_at, gone=bool(post.gone_state))
        if post.erased_at is None and post.current is not None:
            case.prefecture = prefecture_of(post.current)
            words.create(case=case, words=words_of(fields_of(post, post.current, ()).values()))
        case.save(update_fields=["rank", "prefecture"])


class Migration(migrations.Migration):
    dependencies = [("cases", "0005_desk")]

    operations = [
        migrations.RunPython(make_index, drop_index),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
