"""Tables for documents, and what is said around figures."""
