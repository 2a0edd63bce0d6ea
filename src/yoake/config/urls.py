from django.urls import include, path

urlpatterns = [path("", include("yoake.console.urls"))]
