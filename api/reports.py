"""/reports: what an admin should look at."""

from flask import Blueprint

reports = Blueprint("reports", __name__)
