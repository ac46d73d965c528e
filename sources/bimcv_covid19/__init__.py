"""BIMCV-COVID19+: radiographs, reports and labels of patients with a positive test."""
