from django.urls import path

from yoake.console import account, add, case, inbox, quality, sample, source, why

urlpatterns = [
    path("", inbox.home, name="home"),
    path("live/", inbox.desk, {"desk": "live"}, name="desk"),
    path("practice/", inbox.desk, {"desk": "practice"}, name="desk"),
    path("live/pulse/", inbox.pulse, {"desk": "live"}, name="pulse"),
    path("practice/pulse/", inbox.pulse, {"desk": "practice"}, name="pulse"),
    path("practice/remove/", inbox.practice_removal, name="practice_removal"),
    path("case/<int:case_id>/", case.show, name="case"),
    path("case/<int:case_id>/why/<int:finding_id>/", why.show, name="why"),
    path("case/<int:case_id>/lease/", case.lease, name="lease"),
    path("case/<int:case_id>/release/", case.release, name="release"),
    path("case/<int:case_id>/decide/", case.decide, name="decide"),
    path("case/<int:case_id>/undo/", case.undo, name="undo"),
    path("add/", add.add, name="add"),
    path("source/<int:source_id>/", source.show, name="source"),
    path("source/<int:source_id>/skipped/", source.skipped, name="skipped"),
    path("source/<int:source_id>/resume/", source.resume, name="resume"),
    path("source/<int:source_id>/switch/", source.switch, name="switch"),
    path("quality/", quality.show, name="quality"),
    path("quality/alarm/<int:alarm_id>/close/", quality.close, name="close_alarm"),
    path("quality/term/<int:proposal_id>/accept/", quality.accept, name="accept_term"),
    path("quality/term/<int:proposal_id>/reject/", quality.reject, name="reject_term"),
    path("quality/model/serve/", quality.serve, name="serve_model"),
    path("quality/model/back/", quality.roll_back, name="roll_back_model"),
    path("quality/sample/", sample.following, name="next_sample"),
    path("quality/sample/<int:sample_id>/", sample.show, name="sample"),
    # The only allauth addresses there are; the names are those allauth itself looks up.
    path("sign-in/", account.SignIn.as_view(), name="account_login"),
    path("sign-out/", account.SignOut.as_view(), name="account_logout"),
    path("password/", account.Password.as_view(), name="account_change_password"),
    path("language/", account.language, name="language"),
]
