"""Every kind of document that there is: the one list that starting, the registry and the tests go by."""

from typing import Final

from beanie import Document

from switchboard.agents.documents import (
    AgentConfigurationDocument,
    AgentDocument,
    AgentRevisionDocument,
    OrganizationAgentDocument,
)
from switchboard.audit.documents import AuditEntryDocument
from switchboard.bookings.documents import BookingDocument
from switchboard.budgets.documents import RequestBudgetDocument
from switchboard.calendar_sharing.documents import CalendarSharingDocument
from switchboard.calendars.documents import CalendarDocument
from switchboard.changes.documents import AgentChangeDocument
from switchboard.channels.documents import ChannelDocument
from switchboard.connections.documents import ConnectionDocument, ConsentDocument
from switchboard.events.documents import CalendarEventDocument
from switchboard.idempotency.documents import AttemptDocument
from switchboard.invites.documents import PendingInviteDocument
from switchboard.memberships.documents import MarkDocument, MembershipChangeDocument, UserOrganizationDocument
from switchboard.migrations.documents import AppliedStepDocument
from switchboard.organizations.documents import OrganizationCreationDocument, OrganizationDocument
from switchboard.runs.documents import BeforeImagesDocument, RunDocument
from switchboard.runtime.documents import ServiceKeyDocument
from switchboard.sealing.documents import SealingCheckDocument
from switchboard.turns.documents import TurnDocument
from switchboard.users.documents import UserDocument
from switchboard.webhooks.documents import WebhookDeliveryDocument
from switchboard.working_hours.documents import WorkingHoursDocument

DOCUMENTS: Final[tuple[type[Document], ...]] = (
    UserDocument,
    ConsentDocument,
    ConnectionDocument,
    CalendarDocument,
    CalendarEventDocument,
    ServiceKeyDocument,
    AuditEntryDocument,
    MarkDocument,
    MembershipChangeDocument,
    UserOrganizationDocument,
    OrganizationDocument,
    OrganizationCreationDocument,
    PendingInviteDocument,
    WebhookDeliveryDocument,
    AttemptDocument,
    SealingCheckDocument,
    AgentDocument,
    AgentConfigurationDocument,
    OrganizationAgentDocument,
    AgentRevisionDocument,
    AgentChangeDocument,
    RequestBudgetDocument,
    ChannelDocument,
    BookingDocument,
    TurnDocument,
    CalendarSharingDocument,
    WorkingHoursDocument,
    RunDocument,
    BeforeImagesDocument,
    AppliedStepDocument,
)
