"""The pages: `/`, where a picture is dropped, and `/docs`. Plain files, nothing from elsewhere, no build."""
