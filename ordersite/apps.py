"""The site as Django apps: our own admin site as the default one, and the commands of this folder."""

import gc
from collections.abc import Sequence
from typing import Any

import django.contrib.admin.apps as admin_apps
from django.apps import AppConfig
from django.core import checks

COLLECT_EVERY = 50_000  # objects made and not freed


class OrdersiteConfig(AppConfig):
    name = "ordersite"
    default = True

    def ready(self) -> None:
        """Sign-ins are told to the audit. Garbage is looked for less often than in a script.

        A page of orders is tens of thousands of small objects without a circle among them, and Python would look
        through them every 700: a twentieth of a first load.
        """
        gc.set_threshold(COLLECT_EVERY)
        from . import signins as signins


class OrdersiteAdminConfig(admin_apps.SimpleAdminConfig):
    """Django's admin with `ordersite.site.OrdersiteAdmin` in the place of the stock site.

    The screens are loaded with the addresses (`ordersite.urls`) and before they are checked: most commands need none
    of them, and they take longer to load than a quiet sync takes to run.
    """

    default = False
    default_site = "ordersite.site.OrdersiteAdmin"

    def ready(self) -> None:
        from django.contrib.admin.checks import check_dependencies

        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_screens, checks.Tags.admin)


def _check_screens(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    from django.contrib import admin
    from django.contrib.admin.checks import check_admin_app

    admin.autodiscover()
    return list(check_admin_app(app_configs, **options))
