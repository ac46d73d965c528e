"""SIIM-ACR Pneumothorax Segmentation."""
