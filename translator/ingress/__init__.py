"""The front end of the Ingress API (networking.k8s.io/v1): its objects become routes of the model."""
