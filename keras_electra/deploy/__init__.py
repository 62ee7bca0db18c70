"""Models handed over to other runtimes, each form checked against Keras when it is written."""
