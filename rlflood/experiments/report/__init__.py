"""What a study shows: tables for documents, figures for print, one page, tidy tables for other programs."""
