"""All of our settings, middleware and connections included, but for the one view that is served."""

from jobsite.settings import *  # noqa: F403  that is the point

ROOT_URLCONF = "benchmarks.bare.urls"
