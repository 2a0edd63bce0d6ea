from django.urls import include, path

urlpatterns = [path("", include("yoake.public.urls")), path("", include("yoake.console.urls"))]

handler400 = "yoake.console.errors.bad_request"
handler403 = "yoake.console.errors.forbidden"
handler404 = "yoake.console.errors.not_found"
handler429 = "yoake.console.errors.too_many"  # asked for by allauth
handler500 = "yoake.console.errors.broken"
