"""The parts of the page, one module a part: each turns evidence into what its template shows, or None."""
