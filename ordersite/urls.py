"""Every address of the site: the admin stands at the root, the local board's pages beside it."""

from django.contrib import admin
from django.urls import path, re_path

from .sandbox_page import sandbox_page

urlpatterns = [
    re_path(r"^sandbox/(?P<page>.*)$", sandbox_page, name="sandbox"),
    path("", admin.site.urls),
]
