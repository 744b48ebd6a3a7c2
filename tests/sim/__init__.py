# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the world around the function: a Lambda Runtime API, a local AWS, a fleet."""
