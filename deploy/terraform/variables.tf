# SPDX-License-Identifier: Apache-2.0

variable "template_file" {
  description = "The rendered template of a release: dist/desync-guard-VERSION.template.json."
  type        = string
}

variable "template_bucket" {
  description = "The bucket to which the module uploads the template."
  type        = string
}

variable "code_bucket" {
  description = "The bucket that holds the zip of the release, in each Region; {region} stands for the Region."
  type        = string
}

variable "name" {
  description = "The name of the stack or StackSet."
  type        = string
  default     = "desync-guard"
}

variable "parameters" {
  description = "Parameters of the template, such as { Enforcement = \"plan\" }; the others have their defaults."
  type        = map(string)
  default     = {}
}

variable "organizational_unit_ids" {
  description = "Organizational units, or the root (r-...), for a StackSet; empty for a stack in this account."
  type        = list(string)
  default     = []
}

variable "regions" {
  description = "The Regions of the StackSet."
  type        = list(string)
  default     = []
}

variable "accounts_without_recorder" {
  description = "Accounts without a configuration recorder get no AWS Config rule and are swept by schedule."
  type        = list(string)
  default     = []
}

variable "sweep_schedule" {
  description = "The schedule of those sweeps."
  type        = string
  default     = "rate(6 hours)"
}

variable "call_as" {
  description = "DELEGATED_ADMIN, or SELF in the management account."
  type        = string
  default     = "DELEGATED_ADMIN"

  validation {
    condition     = contains(["DELEGATED_ADMIN", "SELF"], var.call_as)
    error_message = "call_as is DELEGATED_ADMIN or SELF."
  }
}

variable "failure_tolerance_percentage" {
  description = "So many of the accounts in a Region may fail before an operation stops."
  type        = number
  default     = 10
}

variable "max_concurrent_percentage" {
  description = "So many of the accounts are worked on at once."
  type        = number
  default     = 25
}
