"""What loaders of several sources share: a table, a file form or a vocabulary that releases have in
common. A loader may import any of it, and never another loader.
"""
