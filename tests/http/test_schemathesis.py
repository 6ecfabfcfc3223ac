"""Generated requests against the description of the running API, by the command line tool in its own process."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.http.served import Served

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"


@pytest.mark.timeout(300)
async def test_generated_requests_get_what_the_description_says(own: Served, tmp_path: Path) -> None:
    tool = Path(sys.executable).with_name("st")
    asked = ["run", f"{own.url}/openapi.json", "-H", f"Authorization: Bearer {own.token()}", "--checks", CHECKS]
    bounds = ["--max-examples", "6", "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color"]
    quick = ["--request-timeout", "10", "--generation-database", "none", "--exclude-path", "/health/ready"]
    rest = ["--exclude-path-regex", "^/(api|calendar-api|user|agents)/"]  # earlier paths have rows of their own

    process = await asyncio.create_subprocess_exec(
        str(tool), *asked, *bounds, *quick, *rest, cwd=tmp_path, stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 280)

    assert process.returncode == 0, output.decode()[-6000:]
