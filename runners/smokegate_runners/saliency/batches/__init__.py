"""Many tables from one manifest."""
