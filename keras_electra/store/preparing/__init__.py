"""From any corpus to a store, with worker processes: parts on disk, duplicates, assembly.

units ─► workers ─► parts/000012/000000.part … ─► documents to drop and to repeat ─► the store
"""
