"""The review page: what the models and the criteria say of one session, on one page for the instructor."""

from pipelines.customers.review.page import review_page

__all__ = ["review_page"]
