"""What contacts and requests are about, as the provider's categories name it."""

from __future__ import annotations

NO_TOPIC, QUERY, INCIDENT, CANCELLED_SERVICE, REQUEST = range(5)
TOPICS = ("", "query", "incident", "cancelled_service", "request")
CONTACT_CHANNELS = ("phone", "email", "chat", "web")
CONTACT_CHANNEL_SHARES = (0.50, 0.20, 0.20, 0.10)
REQUEST_TYPES = ("plan_change", "billing", "exception", "relocation")
REQUEST_TYPE_SHARES = (0.35, 0.30, 0.20, 0.15)
DENIAL_REASONS = ("legal", "technical", "policy", "discretion")
DENIAL_REASON_SHARES = (0.15, 0.25, 0.40, 0.20)
