"""Every address of the site: the admin stands at the root, beside it the local board's pages and what machines ask."""

from django.contrib import admin
from django.urls import path, re_path

from . import errors
from .health import healthz, metrics, readyz
from .sandbox_page import sandbox_page

admin.autodiscover()

handler400, handler403, handler404, handler500 = errors.unreadable, errors.forbidden, errors.not_found, errors.broken

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    re_path(r"^sandbox/(?P<page>.*)$", sandbox_page, name="sandbox"),
    path("", admin.site.urls),
]
