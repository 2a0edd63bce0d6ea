from django.urls import path

from yoake.public import appeal

urlpatterns = [path("a/", appeal.show, name="public_appeal")]
