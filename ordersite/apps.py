"""The site as Django apps: our own admin site as the default one, and the commands of this folder."""

import django.contrib.admin.apps as admin_apps
from django.apps import AppConfig


class OrdersiteConfig(AppConfig):
    name = "ordersite"
    default = True


class OrdersiteAdminConfig(admin_apps.AdminConfig):
    """Django's admin with `ordersite.site.OrdersiteAdmin` in the place of the stock site."""

    default = False
    default_site = "ordersite.site.OrdersiteAdmin"
