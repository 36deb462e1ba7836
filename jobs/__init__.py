"""The domain: jobs, their life, and what people do with them."""

__version__ = "0.1.0"
