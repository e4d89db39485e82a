# SPDX-License-Identifier: MIT
"""What tests/kube/apiserver.py is made of."""
