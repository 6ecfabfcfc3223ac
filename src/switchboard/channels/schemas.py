"""What Google sends with a notification, all of it in headers."""

from pydantic import BaseModel

from switchboard.channels.model import Notification


class NotificationHeaders(BaseModel):
    """A header that is not there is empty, which no channel's is."""

    x_goog_channel_id: str = ""
    x_goog_channel_token: str = ""
    x_goog_resource_id: str = ""
    x_goog_resource_state: str = ""

    def notification(self) -> Notification:
        return Notification(
            self.x_goog_channel_id, self.x_goog_channel_token, self.x_goog_resource_id, self.x_goog_resource_state
        )
