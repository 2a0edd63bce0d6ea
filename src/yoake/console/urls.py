from django.urls import path

from yoake.console import account, add, case, inbox, source

urlpatterns = [
    path("", inbox.home, name="home"),
    path("live/", inbox.desk, {"desk": "live"}, name="desk"),
    path("practice/", inbox.desk, {"desk": "practice"}, name="desk"),
    path("live/pulse/", inbox.pulse, {"desk": "live"}, name="pulse"),
    path("practice/pulse/", inbox.pulse, {"desk": "practice"}, name="pulse"),
    path("practice/remove/", inbox.practice_removal, name="practice_removal"),
    path("case/<int:case_id>/", case.show, name="case"),
    path("case/<int:case_id>/lease/", case.lease, name="lease"),
    path("case/<int:case_id>/release/", case.release, name="release"),
    path("case/<int:case_id>/decide/", case.decide, name="decide"),
    path("case/<int:case_id>/undo/", case.undo, name="undo"),
    path("add/", add.add, name="add"),
    path("source/<int:source_id>/", source.show, name="source"),
    path("source/<int:source_id>/skipped/", source.skipped, name="skipped"),
    path("source/<int:source_id>/resume/", source.resume, name="resume"),
    path("source/<int:source_id>/switch/", source.switch, name="switch"),
    # The only allauth addresses there are; the names are those allauth itself looks up.
    path("sign-in/", account.SignIn.as_view(), name="account_login"),
    path("sign-out/", account.SignOut.as_view(), name="account_logout"),
    path("password/", account.Password.as_view(), name="account_change_password"),
    path("language/", account.language, name="language"),
]
