"""Addresses of trusted publishing, at the host's root."""

from django.urls import URLPattern, path

from holdfast.control.publishers import views

urlpatterns: list[URLPattern] = [
    path("_/oidc/audience", views.audience),
    path("_/oidc/mint-token", views.mint_token),
    path("_/oidc/burn-token", views.burn),
    path("_/oidc/<slug:index>/audience", views.audience),
    path("_/oidc/<slug:index>/mint-token", views.mint_token),
    path(".well-known/pytp", views.discovery),
]
