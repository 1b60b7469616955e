"""Pages and pictures: HTML, SVG, tokens made visible."""
