"""OpenCV's own words on the terminal."""

import os

import cv2


def quieten_opencv() -> None:
    """OpenCV tells the terminal in its own words what is told here in one line; OPENCV_LOG_LEVEL brings them back."""
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
