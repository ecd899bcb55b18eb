"""A branch's model beside `main`'s, on the sessions that both have held out: what a pull request shows."""
