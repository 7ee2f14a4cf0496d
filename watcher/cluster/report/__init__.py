"""What is reported to the cluster: who leads, the status of Ingresses, Events about problems."""
