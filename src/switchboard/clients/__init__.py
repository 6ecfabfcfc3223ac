"""Vendors, seen only as far as we use them and speaking our words; nothing above knows a vendor's class."""
