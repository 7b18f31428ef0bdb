"""The GitHub side: events, comments, check runs, promotions."""
