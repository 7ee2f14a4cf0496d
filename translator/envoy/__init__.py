"""The Envoy side: resources, written from the model alone."""
